# Start task: a program into $env:AZ_BATCH_NODE_SHARED_DIR\DIR, from where it is developed or stored. What
# fetch_program.sh is on Linux.
#
#   fetch_program.ps1 git URL COMMIT DIR [CREDENTIAL]    a Git repository or Gist at a full commit hash, over https
#   fetch_program.ps1 blob URL DIR [SHA256]              a blob: a .zip is unpacked, others are copied
#   fetch_program.ps1 package NAME VERSION DIR           an application package of the pool; VERSION may be `any`
#
# CREDENTIAL for a private repository is the address of a secret in a key vault, or `azure-devops` for a token of the
# node's identity. It reaches git in its environment: it is in no argument, address, configuration file or log. Git for
# Windows must be there (windows_packages.ps1). What was fetched is written into DIR\.fetched; a later run that asks for
# the same leaves all as it is. Something new takes the place of the old once it is complete and checked.

$AzureDevOps = '499b84ac-1321-427f-aa17-267ca6975798' # Azure DevOps, as Entra calls it in every tenant.
$Usage = 'git URL COMMIT DIR [CREDENTIAL] | blob URL DIR [SHA256] | package NAME VERSION DIR'

function Assert-Directory([string]$Name) {
    if ($Name -notmatch '^[A-Za-z0-9][A-Za-z0-9._-]*$') {
        throw "DIR '$Name' must be one name of letters, digits, dots, hyphens and underscores"
    }
    $path = Join-Path $env:AZ_BATCH_NODE_SHARED_DIR $Name
    if ((Test-Path -LiteralPath $path) -and -not (Test-Path -LiteralPath "$path\.fetched")) {
        throw "$path exists and is none of this script's; take another DIR"
    }
}

function Assert-PlainAddress([string]$Url) {
    if ($Url -notmatch '^https://[^/@?#]+/[^?#\s]+$') {
        throw 'the address must be https://HOST/PATH without user, token or query; the identity of the node stands in'
    }
}

# Makes a directory by `Fill`, which gets its path, and puts it in the place of DIR.
function Update-Directory([string]$Name, [string]$Source, [scriptblock]$Fill) {
    $path = Join-Path $env:AZ_BATCH_NODE_SHARED_DIR $Name
    $made = Join-Path $env:AZ_BATCH_NODE_SHARED_DIR ".$Name.new"
    if ((Test-Path -LiteralPath "$path\.fetched") -and (Get-Content -LiteralPath "$path\.fetched") -eq $Source) {
        Write-Output "$path holds $Source already"
        return
    }
    if (Test-Path -LiteralPath $made) {
        Remove-Item -LiteralPath $made -Recurse -Force
    }
    $null = New-Item -ItemType Directory -Path $made
    & $Fill $made
    Set-Content -LiteralPath "$made\.fetched" -Value $Source
    if (Test-Path -LiteralPath $path) {
        Remove-Item -LiteralPath $path -Recurse -Force
    }
    Move-Item -LiteralPath $made -Destination $path
    Write-Output "$path holds $Source"
}

# The header by which the repository's host, and no other, knows who is there.
function Get-Header([string]$Credential) {
    $password = if ($Credential -eq 'azure-devops') { Get-NodeToken $AzureDevOps } else { Get-VaultSecret $Credential }
    return 'Authorization: Basic ' + [Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes("token:$password"))
}

function Save-Commit([string]$Url, [string]$Commit, [string]$Credential, [string]$Made) {
    $here = @('-C', $Made, '-c', 'core.hooksPath=NUL', '-c', 'credential.helper=', '-c', 'http.followRedirects=false')
    $env:GIT_TERMINAL_PROMPT = '0'
    $env:GIT_ALLOW_PROTOCOL = 'https'
    if ($Credential) {
        $env:GIT_CONFIG_COUNT = '1'
        $env:GIT_CONFIG_KEY_0 = "http.https://$(([Uri]$Url).Authority)/.extraHeader"
        $env:GIT_CONFIG_VALUE_0 = Get-Header $Credential
    }
    try {
        Invoke-Program git ($here + @('init', '--quiet', '--template='))
        $only = @('--depth', '1', '--no-tags', '--no-recurse-submodules')
        Invoke-Program git ($here + @('fetch', '--quiet') + $only + @($Url, $Commit))
    }
    finally {
        $env:GIT_CONFIG_COUNT = $null
        $env:GIT_CONFIG_VALUE_0 = $null
    }
    Invoke-Program git ($here + @('-c', 'advice.detachedHead=false', 'checkout', '--quiet', '--detach', 'FETCH_HEAD'))
    $found = & git @here rev-parse HEAD
    if ($found -ne $Commit) {
        throw "$Url gave $found instead of $Commit"
    }
}

function Save-File([string]$Url, [string]$Digest, [string]$Made) {
    $file = Join-Path $Made (Split-Path -Leaf ([Uri]$Url).AbsolutePath)
    Save-Blob $Url $file
    $found = (Get-FileHash -LiteralPath $file -Algorithm SHA256).Hash
    if ($Digest -and $found -ne $Digest) {
        throw "$Url has SHA-256 $found instead of $Digest; nothing was kept of it"
    }
    if ($file -like '*.zip') {
        Expand-Archive -LiteralPath $file -DestinationPath $Made -Force
        Remove-Item -LiteralPath $file -Force
    }
}

# The folder of a package.
function Find-Package([string]$Name, [string]$Version) {
    $wanted = 'AZ_BATCH_APP_PACKAGE_{0}#{1}' -f $Name, $Version
    $start = 'AZ_BATCH_APP_PACKAGE_{0}#' -f $Name
    $found = @([Environment]::GetEnvironmentVariables().GetEnumerator() | Where-Object {
            $_.Key -eq $wanted -or ($Version -eq 'any' -and ($_.Key + '#').StartsWith($start, 'OrdinalIgnoreCase'))
        } | ForEach-Object { $_.Value } | Select-Object -Unique)
    if ($found.Count -eq 0) {
        throw "the node has no application package $Name $Version (no variable $wanted): give it to the pool"
    }
    if ($found.Count -gt 1) {
        throw "the node has several of ${Name}: say which VERSION"
    }
    return $found[0]
}

$kind, $first, $second, $third, $fourth = $args
switch ("$kind $($args.Count)") {
    { $_ -in 'git 4', 'git 5' } {
        Assert-PlainAddress $first
        if ($second -cnotmatch '^([0-9a-f]{40}|[0-9a-f]{64})$') {
            throw "COMMIT '$second' must be a full hash in small letters: names move"
        }
        if ($fourth -and $fourth -ne 'azure-devops') {
            Assert-PlainAddress $fourth
        }
        if (-not (Get-Command git -ErrorAction SilentlyContinue)) {
            throw 'git is missing; let windows_packages.ps1 install Git for Windows before'
        }
        Assert-Directory $third
        Invoke-Alone "fetch-$third" {
            Update-Directory $third "git $first $second" { param($made) Save-Commit $first $second $fourth $made }
        }
    }
    { $_ -in 'blob 3', 'blob 4' } {
        Assert-PlainAddress $first
        if ($third -and $third -notmatch '^[0-9A-Fa-f]{64}$') {
            throw "SHA256 '$third' must have 64 hexadecimal digits"
        }
        Assert-Directory $second
        Invoke-Alone "fetch-$second" {
            Update-Directory $second "blob $first $third" { param($made) Save-File $first $third $made }
        }
    }
    'package 4' {
        Assert-Directory $third
        $folder = Find-Package $first $second
        Invoke-Alone "fetch-$third" {
            Update-Directory $third "package $first $folder" {
                param($made)
                Copy-Item -Path "$folder\*" -Destination $made -Recurse -Force
            }
        }
    }
    default {
        throw "one of these is needed: $Usage"
    }
}
