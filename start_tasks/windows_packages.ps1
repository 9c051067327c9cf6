# Start task: installs a program of Windows from its installer. What os_packages.sh is on Linux: a plain image has no
# package manager that works before somebody has logged in.
#
#   windows_packages.ps1 URL SHA256 [ARGUMENT...]
#
# URL (https, no credentials) is an .msi or .exe with the hash SHA256; ARGUMENTs go to the installer. An .msi is
# installed quietly anyway; an .exe needs its own argument for that (/quiet, /S, /VERYSILENT). What this script has
# installed on this system is not installed again. Needs an administrator. Code 3010 (restart wanted) is a success.

$Again = 1618 # Windows is installing something else.
$Successes = 0, 1641, 3010

function Start-Installer([string]$File, [string[]]$Arguments) {
    $program = $File
    if ($File -like '*.msi') {
        $program = 'msiexec.exe'
        $Arguments = @('/i', "`"$File`"", '/qn', '/norestart') + $Arguments
    }
    $options = @{ FilePath = $program; Wait = $true; PassThru = $true }
    if ($Arguments.Count -gt 0) {
        $options['ArgumentList'] = $Arguments
    }
    for ($attempt = 1; $true; $attempt++) {
        $code = (Start-Process @options).ExitCode
        if ($code -in $Successes) {
            return
        }
        if ($code -ne $Again -or $attempt -eq 20) {
            throw "the installer $(Split-Path -Leaf $File) ended with code $code"
        }
        Write-Output 'Windows is installing something else; again in 15 s'
        Start-Sleep -Seconds 15
    }
}

function Install-Once([string]$Url, [string]$Digest, [string[]]$Arguments) {
    $marker = Join-Path $env:ProgramFiles "start-task\installed\$($Digest.ToLowerInvariant())"
    if (Test-Path -LiteralPath $marker) {
        Write-Output "installed already: $Url"
        return
    }
    $work = Join-Path $env:AZ_BATCH_NODE_SHARED_DIR ".installer-$PID"
    $null = New-Item -ItemType Directory -Path $work -Force
    try {
        $file = Join-Path $work (Split-Path -Leaf ([Uri]$Url).AbsolutePath)
        Invoke-Patiently { Invoke-WebRequest -UseBasicParsing -TimeoutSec 600 -Uri $Url -OutFile $file }
        $found = (Get-FileHash -LiteralPath $file -Algorithm SHA256).Hash
        if ($found -ne $Digest) {
            throw "$Url has SHA-256 $found instead of $Digest; it was not run"
        }
        Start-Installer $file $Arguments
        $null = New-Item -ItemType Directory -Path (Split-Path -Parent $marker) -Force
        Set-Content -LiteralPath $marker -Value $Url
        Write-Output "installed: $Url"
    }
    finally {
        Remove-Item -LiteralPath $work -Recurse -Force
    }
}

if ($args.Count -lt 2) {
    throw 'an address and a hash are needed: windows_packages.ps1 URL SHA256 [ARGUMENT...]'
}
if ($args[0] -notmatch '^https://[^/@?#]+/[^?#\s]+\.(msi|exe)$') {
    throw 'URL must be https://HOST/PATH of an .msi or .exe, without user, token or query'
}
if ($args[1] -notmatch '^[0-9A-Fa-f]{64}$') {
    throw "SHA256 '$($args[1])' must have 64 hexadecimal digits"
}
Assert-Administrator "installing $($args[0])"
$rest = @($args | Select-Object -Skip 2)
$address, $digest = $args[0], $args[1] # In the block $args is its own.
Invoke-Alone 'packages' { Install-Once $address $digest $rest }
